const description = `Owns the PCI Express functions of a Linux host, lends them to virtual machines, and gets them back.

Requests are answered when they are done. One that the client gives up goes on. Every refusal is application/problem+json
with a \`code\` that stays the same over versions.`;

/** What the OpenAPI document says before its routes. */
export function openApiInfo(version: string) {
  return {
    openapi: '3.1.0' as const,
    info: { title: 'dda', version, description, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: 'http://localhost', description: 'Over the Unix socket /run/dda/dda.sock' }],
  };
}
