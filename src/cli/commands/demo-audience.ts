import type { DemoEvent, DemoResult } from '../../host/index.ts';

/** Why a demo didn't get to its end. */
export interface DemoFailure {
  readonly code: string;
  readonly message: string;
}

/** Who watches a demo: a person, a program, or the process that started it. */
export interface DemoAudience {
  event(event: DemoEvent): void;
  /** It got to its end. */
  done(result: DemoResult): void;
  failed(failure: DemoFailure): void;
}

/** What a demo tells the process that started it, one JSON document a line. */
type DemoReport =
  | DemoEvent
  | { readonly event: 'done'; readonly result: DemoResult }
  | { readonly event: 'failed'; readonly failure: DemoFailure };

/** Tells everything, line by line, for {@link retell}. */
export function demoReporter(writeLine: (line: string) => void): DemoAudience {
  const report = (each: DemoReport): void => writeLine(`${JSON.stringify(each)}\n`);
  return {
    event: report,
    done: (result) => report({ event: 'done', result }),
    failed: (failure) => report({ event: 'failed', failure }),
  };
}

/** Gives an audience what {@link demoReporter} wrote in another process. True: that was the end of it. */
export function retell(line: string, audience: DemoAudience): boolean {
  const report = JSON.parse(line) as DemoReport;
  if (report.event === 'done') audience.done(report.result);
  else if (report.event === 'failed') audience.failed(report.failure);
  else audience.event(report);
  return report.event === 'done' || report.event === 'failed';
}
