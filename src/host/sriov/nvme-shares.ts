import { assignToSecondary, bringSecondaryOnline, NvmeResource, takeSecondaryOffline } from '../../linux/index.ts';
import type {
  NvmeAdminCommand,
  NvmeFlexibleResource,
  NvmePrimaryCapabilities,
  NvmeSecondaryController,
} from '../../linux/index.ts';
import { HostError } from '../errors.ts';
import type { CheckedSettings } from './settings.ts';

/** What the controllers behind a physical function say of themselves. */
export interface NvmeControllers {
  readonly capabilities: NvmePrimaryCapabilities;
  /** Of virtual functions, in their order. */
  readonly secondaries: readonly NvmeSecondaryController[];
}

/** What one virtual function's controller is to be given; undefined: that kind isn't assigned. */
export interface NvmeShare {
  readonly controllerId: number;
  readonly queues: number | undefined;
  readonly interrupts: number | undefined;
}

const least = { queues: 2, interrupts: 1 } as const;
type Kind = keyof typeof least;

/**
 * Divides what there is among the new virtual functions: what was asked for, and the rest in equal parts. Counts what other
 * secondary controllers still have from earlier as free: no virtual function is there, so none is in use.
 * Throws `virtual-function-resources`.
 */
export function shareResources(
  asked: string,
  controllers: NvmeControllers,
  settings: readonly CheckedSettings[],
): NvmeShare[] {
  const queues = shareOne(asked, 'queues', controllers.capabilities.queues, settings);
  const interrupts = shareOne(asked, 'interrupts', controllers.capabilities.interrupts, settings);
  return settings.map((_, index) => {
    const secondary = controllers.secondaries[index];
    if (secondary === undefined) {
      throw tooLittle(asked, `the controller names no secondary controller for virtual function ${index}.`, {});
    }
    return { controllerId: secondary.controllerId, queues: queues?.[index], interrupts: interrupts?.[index] };
  });
}

function shareOne(
  asked: string,
  kind: Kind,
  resource: NvmeFlexibleResource,
  settings: readonly CheckedSettings[],
): number[] | undefined {
  const wanted = settings.map((each) => each[kind]);
  if (!resource.flexible) {
    if (wanted.every((each) => each === undefined)) return undefined;
    throw tooLittle(asked, `its virtual functions have ${kind} of their own, which can't be changed.`, { kind });
  }
  const free = resource.total - resource.primary;
  const open = wanted.filter((each) => each === undefined).length;
  const left = free - wanted.reduce<number>((sum, each) => sum + (each ?? 0), 0);
  const shares = wanted.map((each) => each ?? evenShare(resource, left, open));
  const details = { kind, free, mostPerFunction: resource.mostPerSecondary, wanted: shares };
  const greediest = Math.max(...shares);
  if (greediest > resource.mostPerSecondary) {
    const most = `the controller gives at most ${resource.mostPerSecondary} ${kind} to one function`;
    throw tooLittle(asked, `${most}; ${greediest} were asked for.`, details);
  }
  if (left < 0 || Math.min(...shares) < least[kind]) {
    const needed = `${settings.length} functions need at least ${least[kind]} ${kind} each`;
    const kept =
      resource.primary === 0 ? '' : `, because the physical function keeps ${resource.primary} of ${resource.total}`;
    throw tooLittle(
      asked,
      `${left < 0 ? 'more was asked for than there is' : needed}: ${free} ${kind} are free${kept}.`,
      details,
    );
  }
  return shares;
}

function evenShare(resource: NvmeFlexibleResource, left: number, among: number): number {
  const even = Math.min(Math.floor(Math.max(left, 0) / among), resource.mostPerSecondary);
  const granularity = Math.max(resource.granularity, 1);
  return even > granularity ? even - (even % granularity) : even;
}

/** First everything is taken back that any secondary controller has from earlier, then each gets its share and goes online. */
export function assignCommands(controllers: NvmeControllers, shares: readonly NvmeShare[]): NvmeAdminCommand[] {
  const left = controllers.secondaries.filter(({ queues, interrupts }) => queues > 0 || interrupts > 0);
  return [
    ...left.flatMap((secondary) => releaseOne(secondary, controllers.capabilities)),
    ...shares.flatMap(({ controllerId, queues, interrupts }) => [
      ...(queues === undefined ? [] : [assignToSecondary(controllerId, NvmeResource.queues, queues)]),
      ...(interrupts === undefined ? [] : [assignToSecondary(controllerId, NvmeResource.interrupts, interrupts)]),
      bringSecondaryOnline(controllerId),
    ]),
  ];
}

/** What is to be done once the virtual functions are gone, so that their shares can be given to others. */
export function releaseCommands({ secondaries, capabilities }: NvmeControllers): NvmeAdminCommand[] {
  return secondaries
    .filter(({ online, queues, interrupts }) => online || queues > 0 || interrupts > 0)
    .flatMap((secondary) => releaseOne(secondary, capabilities));
}

function releaseOne(
  { controllerId }: NvmeSecondaryController,
  { queues, interrupts }: NvmePrimaryCapabilities,
): NvmeAdminCommand[] {
  return [
    takeSecondaryOffline(controllerId),
    ...(queues.flexible ? [assignToSecondary(controllerId, NvmeResource.queues, 0)] : []),
    ...(interrupts.flexible ? [assignToSecondary(controllerId, NvmeResource.interrupts, 0)] : []),
  ];
}

function tooLittle(asked: string, obstacle: string, details: Record<string, unknown>): HostError {
  return new HostError('virtual-function-resources', {
    asked,
    obstacle,
    remedy: 'Ask for fewer functions, or for less for each; dda vf list shows what there is.',
    details,
  });
}
