import { mkdirSync, writeFileSync } from 'node:fs';
import { wiresharkDissector } from '../src/trace/index.ts';

const directory = new URL('../packaging/wireshark/', import.meta.url);
mkdirSync(directory, { recursive: true });
writeFileSync(new URL('dda.lua', directory), wiresharkDissector());
