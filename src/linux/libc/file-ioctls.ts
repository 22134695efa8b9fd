/** ioctls of descriptors in general. Linux include/uapi/asm-generic/ioctls.h. */
export const FileIoctl = {
  terminalSettings: { name: 'TCGETS', number: 0x5401 },
  setNonBlocking: { name: 'FIONBIO', number: 0x5421 },
} as const;
