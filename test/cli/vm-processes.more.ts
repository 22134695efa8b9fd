import { describeCli } from './cli-in-rig.ts';

describeCli('dda vm, with processes and disks', ['private-daemon', 'disks', 'daemon-disks']);
