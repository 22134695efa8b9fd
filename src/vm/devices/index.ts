export { PowerPort, type PowerEvent, powerRead, powerWrite, RESET_VALUE, SOFT_OFF_SLEEP_TYPE } from './power.ts';
export { allocateRtcState, CmosRtc, RTC_CENTURY_REGISTER, RtcPort } from './rtc.ts';
export { allocateUartState, Uart16550, type UartPort } from './uart-16550.ts';
export { COM1 } from './uart-registers.ts';
