export { PowerPort, type PowerEvent, powerRead, powerWrite } from './power.ts';
export { allocateRtcState, CmosRtc, RtcPort } from './rtc.ts';
export { allocateUartState, Uart16550, type UartPort } from './uart-16550.ts';
export { COM1 } from './uart-registers.ts';
