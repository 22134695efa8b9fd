/**
 * A thread that ends its process when the process that started it is gone. A mutant may loop for ever, and then nobody else is left who
 * would notice.
 */
const POLL_MS = 500;
const parent = process.ppid;

setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
}, POLL_MS);
