/**
 * Starts a verb: from the build when it is newer than every source, from the sources through tsx when
 * somebody has edited them since. People and agents change these scripts and expect the change to count.
 */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** @param {string | undefined} verb */
export async function launch(verb) {
  const known =
    verb !== undefined && /^[a-z]+$/.test(verb) && existsSync(join(root, 'bin', 'verbs', `${verb}.ts`))
  const name = known ? verb : 'help'
  if (!known && verb !== undefined && !['--help', '-h'].includes(verb)) {
    process.stderr.write(`error: dirigent has no verb ${JSON.stringify(verb)}\n`)
    process.exitCode = 2
  }
  const built = join(root, 'dist', `${name}.js`)
  if (isFresh(built)) return await import(pathToFileURL(built).href)
  const { register } = await import('tsx/esm/api')
  register()
  await import(pathToFileURL(join(root, 'bin', 'verbs', `${name}.ts`)).href)
}

/** @param {string} built */
function isFresh(built) {
  const at = statSync(built, { throwIfNoEntry: false })?.mtimeMs
  return at !== undefined && newest(join(root, 'lib')) <= at && newest(join(root, 'bin', 'verbs')) <= at
}

/** Modification time of the newest source below a directory. @param {string} directory @returns {number} */
function newest(directory) {
  let time = 0
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) time = Math.max(time, newest(path))
    else if (entry.name.endsWith('.ts')) time = Math.max(time, statSync(path).mtimeMs)
  }
  return time
}
