/** For the tests of the parts below: a guest's driver. */
export { LinuxStyleDriver, WINDOW_GPA } from './linux-style-guest.ts';
export { encodeDeleteInterrupt, encodeRequest } from '../wire/encode-guest.ts';
