export { ARCHITECTURE_X86_64, SeccompAction } from '../seccomp/bpf.ts';
export { runFilter, type SeenCall } from './run-filter.ts';
