import assert from 'node:assert/strict';
import test from 'node:test';
import { readFacts } from '../moves/host-facts.ts';
import { fakeHost } from '../testing/fake-host.ts';
import type { FunctionDescription, HostDescription } from '../testing/description.ts';
import { nvme, nvmeHost, rootPort } from '../testing/hosts.ts';
import { surveyHost } from './survey.ts';

/** `verdict: weight code, …` of the NVMe function, and the first sentence and remedy. */
function look(changes: Partial<FunctionDescription>, host: Partial<HostDescription> = {}): [string, string, string] {
  return lookAt({ ...nvmeHost(changes), ...host });
}

function lookAt(host: HostDescription, name = nvme.address): [string, string, string] {
  const survey = surveyHost(readFacts(fakeHost(host))).find((candidate) => candidate.fn.name === name);
  assert.ok(survey !== undefined);
  const codes = survey.reasons.map((reason) => `${reason.weight} ${reason.code}`).join(', ');
  const [first] = survey.reasons;
  return [`${survey.verdict}: ${codes}`, first?.sentence ?? '', first?.remedy ?? ''];
}

test('a BAR without addresses', () => {
  const [verdict, sentence, remedy] = look({ bars: { 0: 'memory64 16384', 2: 'memory64 unplaced 17179869184' } });
  assert.equal(verdict, 'not assignable: blocks bar-not-placed');
  assert.match(sentence, /BAR 2,/);
  assert.match(remedy, /Above 4G decoding/);
});

test('a function that reads all ones', () => {
  assert.equal(look({ gone: true })[0], 'not assignable: blocks not-answering');
  assert.equal(look({ powerState: 'error' })[0], 'not assignable: blocks not-answering');
});

test('a function that is powered off is not woken', () => {
  const [verdict, , remedy] = look({ powerState: 'D3cold', msix: 0 });
  assert.equal(verdict, 'assignable: note asleep');
  assert.match(remedy, /echo on >/);
});

test('a function that its driver has turned off; an idle vfio-pci always has', () => {
  assert.equal(look({ enabled: false })[0], 'assignable: note disabled');
  assert.equal(look({ enabled: true })[0], 'assignable: ');
  assert.equal(look({ enabled: false, driver: 'vfio-pci' })[0], 'assignable: note dismounted');
});

test('kinds of endpoints', () => {
  assert.equal(look({ kind: 'legacyEndpoint' })[0], 'assignable: note legacy-endpoint');
  assert.equal(look({ kind: 'rootComplexEndpoint' })[0], 'assignable: note root-complex-endpoint');
});

test('a power state change as the only reset', () => {
  assert.equal(look({ reset: 'pm' })[0], 'assignable: note power-reset-only');
  assert.equal(look({ reset: 'pm bus' })[0], 'assignable: ');
});

/** The NVMe function below a root port, in the same group or not. */
function below(port: Partial<FunctionDescription>, host: Partial<HostDescription> = {}): HostDescription {
  const { acs: _, ...plain } = rootPort;
  return { drivers: ['vfio-pci'], ...host, functions: [{ ...plain, ...port }, nvme] };
}

test('a port without ACS in the same group says why the group is as it is', () => {
  const [verdict, sentence] = lookAt(below({ group: 5 }));
  assert.equal(verdict, 'assignable: note no-acs');
  assert.match(sentence, /^0000:00:04\.0 above it has no ACS:/);
});

test('a port whose ACS is turned off', () => {
  const [verdict, sentence, remedy] = lookAt(below({ group: 5, acs: 'off' }));
  assert.equal(verdict, 'assignable: note no-acs');
  assert.match(sentence, /has ACS turned off/);
  assert.match(remedy, /disable_acs_redir/);
});

test('a port without ACS that the kernel vouches for', () => {
  assert.equal(lookAt(below({}))[0], 'assignable: note acs-by-model');
});

test('groups split by a kernel parameter are a risk', () => {
  const [verdict, sentence] = lookAt(below({}, { commandLine: 'quiet pcie_acs_override=downstream,multifunction' }));
  assert.equal(verdict, 'assignable with risk: risk acs-overridden');
  assert.match(sentence, /because of pcie_acs_override=downstream,multifunction on the kernel command line/);
  assert.equal(look({}, { commandLine: 'pcie_acs_override=downstream' })[0], 'assignable: ');
});

test('a switch: its upstream port needs no ACS, its downstream ports do', () => {
  const upstream: FunctionDescription = { ...rootPort, address: '0000:01:00.0', kind: 'upstreamSwitchPort', group: 8 };
  const { acs: _, ...bare } = upstream;
  const downstream: FunctionDescription = { ...upstream, address: '0000:02:04.0', kind: 'downstreamSwitchPort' };
  const device: FunctionDescription = {
    ...nvme,
    address: '0000:03:00.0',
    below: ['0000:00:04.0', '0000:01:00.0', '0000:02:04.0'],
  };
  const ports = [rootPort, { ...bare, below: ['0000:00:04.0'] }];
  const place = { below: ['0000:00:04.0', '0000:01:00.0'] };
  const drivers = ['vfio-pci'];
  assert.equal(
    lookAt({ drivers, functions: [...ports, { ...downstream, ...place }, device] }, device.address)[0],
    'assignable: ',
  );
  const { acs: __, ...without } = { ...downstream, ...place, group: 5 };
  assert.equal(
    lookAt({ drivers, functions: [...ports, without, device] }, device.address)[0],
    'assignable: note no-acs',
  );
});

test('firmware that kept PCI Express to itself', () => {
  const [verdict, sentence] = look({}, { portServices: {} });
  assert.equal(verdict, 'assignable with risk: risk firmware-control');
  assert.match(sentence, /^Firmware kept control of the PCI Express features of 0000:00:04\.0:/);
  assert.match(look({}, { portServices: {}, commandLine: 'pcie_ports=compat' })[2], /without pcie_ports=compat/);
});

test('ports of the same domain with services show that control was handed over', () => {
  assert.equal(look({}, { portServices: { '0000:00:1c.0': ['pme'] } })[0], 'assignable: ');
  assert.equal(look({}, { portServices: { '0000:00:04.0': ['pme', 'aer'] } })[0], 'assignable: ');
});

test('firmware that kept error reporting only', () => {
  const portServices = { '0000:00:04.0': ['pme', 'hotplug'] } as const;
  assert.equal(lookAt(below({ acs: 'on', aer: true }, { portServices }))[0], 'assignable: note firmware-errors');
  assert.equal(lookAt(below({ acs: 'on' }, { portServices }))[0], 'assignable: ');
});

test('interrupt remapping: there, absent, turned off, or done without', () => {
  assert.equal(look({}, { iommuCapabilities: 'f00f4a' })[0], 'assignable: ');
  assert.equal(look({}, { iommuCapabilities: 'f00f42' })[0], 'not assignable: blocks no-interrupt-remapping');
  assert.equal(look({}, { commandLine: 'intremap=off' })[0], 'not assignable: blocks no-interrupt-remapping');
  assert.equal(
    look({}, { iommuCapabilities: 'f00f42', unsafeInterrupts: true })[0],
    'assignable with risk: risk unsafe-interrupts',
  );
});

test('a kernel without vfio-pci', () => {
  assert.equal(look({}, { drivers: [], vfioModules: ['vfio-pci-core.ko.xz'] })[0], 'not assignable: blocks no-vfio');
  assert.equal(look({}, { drivers: [], vfioModules: ['vfio-pci.ko.zst'] })[0], 'assignable: ');
});

test('a screen that is on, and the console of the kernel', () => {
  assert.equal(look({ class: '030000', screens: ['card1-HDMI-A-1'] })[0], 'assignable: note in-light-use');
  const [verdict, sentence] = look({ class: '070002' }, { consoles: { tty0: undefined, ttyS4: nvme.address } });
  assert.equal(verdict, 'not assignable: blocks in-use');
  assert.match(sentence, /console is on its terminal ttyS4/);
});
