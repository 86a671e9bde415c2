import { createServer } from 'node:net'
import { freePort } from '../controlplane/supervised.ts'

/** A port of 127.0.0.1 that was free a moment ago; `port` itself, or any for 0. Throws a sentence when it is taken. */
export async function requirePort(port = 0): Promise<number> {
  if (port === 0) return await freePort(0)
  const server = createServer()
  await new Promise<void>((listening, refuse) => {
    server.once('error', (fault: NodeJS.ErrnoException) => {
      refuse(
        new Error(
          fault.code === 'EADDRINUSE'
            ? `127.0.0.1:${port} is in use: another demo, or a simulator of yours? Stop it first (see it with: ss -ltnp 'sport = :${port}')`
            : `127.0.0.1:${port} cannot be listened on: ${fault.message}`,
        ),
      )
    })
    server.listen({ host: '127.0.0.1', port }, listening)
  })
  await new Promise((closed) => server.close(closed))
  return port
}
