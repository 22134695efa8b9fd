/** A system under search: built anew for each path, so it needs no way to copy itself. */
export interface Searched<Event extends string> {
  /** Whether the event can happen now. */
  possible(event: Event): boolean;
  apply(event: Event): void;
  /** Throws when something doesn't hold. */
  check(): void;
  /** Everything that later behaviour can depend on: two paths with the same key are one state. */
  key(): string;
}

export interface SearchResult {
  readonly states: number;
  readonly transitions: number;
  /** The longest of the shortest ways to a state. */
  readonly depth: number;
}

/**
 * Visits every state that events can lead to, nearest first, and checks each transition. A failure names the shortest
 * way to it. Throws RangeError where there are more than `mostStates`.
 */
export function searchStates<Event extends string>(
  build: () => Searched<Event>,
  events: readonly Event[],
  mostStates: number,
): SearchResult {
  const follow = (path: readonly Event[]): Searched<Event> => {
    const system = build();
    for (const event of path) system.apply(event);
    return system;
  };
  const start = build();
  start.check();
  const seen = new Set([start.key()]);
  let frontier: (readonly Event[])[] = [[]];
  let depth = 0;
  let transitions = 0;
  for (;;) {
    const next: (readonly Event[])[] = [];
    for (const path of frontier) {
      const here = follow(path);
      for (const event of events.filter((each) => here.possible(each))) {
        const system = follow(path);
        try {
          system.apply(event);
          system.check();
        } catch (error) {
          throw new Error(`after ${[...path, event].join(', ')}`, { cause: error });
        }
        transitions += 1;
        const key = system.key();
        if (seen.has(key)) continue;
        seen.add(key);
        if (seen.size > mostStates) throw new RangeError(`more than ${mostStates} states`);
        next.push([...path, event]);
      }
    }
    if (next.length === 0) return { states: seen.size, transitions, depth };
    depth += 1;
    frontier = next;
  }
}
