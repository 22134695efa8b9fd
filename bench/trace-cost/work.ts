import { HypercallCode, HypercallStatus, HypervMsr, Partition } from '../../src/hyperv/index.ts';
import { PlainGuestMemory } from '../../src/hyperv/testing/index.ts';
import { Trace } from '../../src/trace/index.ts';
import { VmbusTestbench } from '../../src/vmbus/testing/index.ts';
import { LifeOverRings } from '../../src/vpci/testing/index.ts';

/** One thing to be measured. */
export interface Work {
  /** Does it so often. */
  run(count: number): void;
  /** How many records there are of what was done. */
  recorded(): number;
}

const FAST = 1n << 16n;
const TSC_HZ = 2_500_000_000;
const APIC_HZ = 1_000_000_000;

function makeTrace(isOn: boolean): { readonly trace: Trace; readonly recorded: () => number } {
  const trace = new Trace({ nowNs: () => process.hrtime.bigint(), schedule: () => undefined });
  const reader = isOn ? trace.open(() => undefined) : undefined;
  const recorded = (): number => {
    let count = 0;
    for (let chunk = reader?.read(1 << 20); chunk !== undefined; chunk = reader?.read(1 << 20)) count += 1 + chunk.lost;
    return count;
  };
  return { trace, recorded };
}

/** A hypercall that signals an event: the one that guests make all the time. */
export function hypercalls(isOn: boolean): Work {
  const { trace, recorded } = makeTrace(isOn);
  const nothing = (): void => undefined;
  const partition = new Partition({
    vpCount: 1,
    memory: new PlainGuestMemory(),
    tscHz: TSC_HZ,
    apicHz: APIC_HZ,
    tscInvariant: true,
    lazyEoi: false,
    tap: trace,
    port: {
      postMessage: () => HypercallStatus.SUCCESS,
      signalEvent: () => HypercallStatus.SUCCESS,
      retargetInterrupt: () => HypercallStatus.SUCCESS,
      assertInterrupt: nothing,
      assistPageChanged: nothing,
      crashed: nothing,
      guestOsChanged: nothing,
      elapsedNs: () => 0n,
    },
  });
  partition.writeMsr(0, HypervMsr.GUEST_OS_ID, 1n << 63n);
  partition.writeMsr(0, HypervMsr.HYPERCALL, 0x1001n);
  const registers = { control: BigInt(HypercallCode.SIGNAL_EVENT) | FAST, input: 0x2001n, output: 0n };
  return {
    run: (count) => {
      for (let i = 0; i < count; i += 1) partition.hypercall(0, registers);
    },
    recorded,
  };
}

/** A request of a guest to the vPCI provider and its answer, over rings in guest memory. */
export function requests(isOn: boolean): Work {
  const { trace, recorded } = makeTrace(isOn);
  const bench = new VmbusTestbench({ tap: trace });
  const life = new LifeOverRings('linux-style', bench);
  life.start();
  // QUERY_RESOURCE_REQUIREMENTS for slot 0.
  const payload = Uint8Array.of(0x05, 0x00, 0x49, 0x42, 0, 0, 0, 0);
  return {
    run: (count) => {
      // The front end's end keeps all that it ever got, for tests.
      life.channel.received.length = 0;
      for (let i = 0; i < count; i += 1) {
        life.channel.send({ payload, transactionId: 77n, completionRequested: true });
        bench.settle();
      }
    },
    recorded,
  };
}
