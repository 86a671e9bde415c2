import { rm } from 'node:fs/promises'

export default async function teardown() {
  const controlPlane = globalThis.__controlPlane
  if (!controlPlane) return
  await controlPlane.stop()
  await rm(controlPlane.dir, { recursive: true, force: true })
}
