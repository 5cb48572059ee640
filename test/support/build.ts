/** Before any test: the build, so that the verbs under test start as fast as a user's do. */
import { execa } from 'execa'

export default async function setup(): Promise<void> {
  await execa('node', ['bin/bundle.js'], {
    cwd: new URL('../..', import.meta.url).pathname,
    stdio: 'inherit',
  })
}
