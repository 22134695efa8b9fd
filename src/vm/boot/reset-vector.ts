import { PowerPort, RESET_VALUE } from '../devices/index.ts';
import type { MemoryWrite } from './memory-write.ts';

/** Where a processor in real mode goes on reset, F000:FFF0. */
const RESET_VECTOR_GPA = 0xffff0;

/**
 * Real-mode code that writes {@link RESET_VALUE} to the reset port. A Linux guest on hardware-reduced ACPI doesn't use
 * FADT's reset register: it takes the way of EFI, which isn't there, and then jumps here (Linux 6.1 arch/x86/kernel/reboot.c,
 * reboot_init and native_machine_emergency_restart).
 */
export const resetVector: MemoryWrite = {
  gpa: RESET_VECTOR_GPA,
  bytes: Uint8Array.of(
    0xba,
    PowerPort.reset & 0xff,
    PowerPort.reset >> 8, // mov dx, port
    0xb0,
    RESET_VALUE, // mov al, value
    0xee, // out dx, al
    0xf4, // hlt
    0xeb,
    0xfd, // jmp back to hlt
  ),
};
