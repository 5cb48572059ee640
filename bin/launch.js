/**
 * Starts a verb: from the build when it is newer than every source, from the sources through tsx when
 * somebody has edited them since. People and agents change these scripts and expect the change to count.
 */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** @param {string | undefined} verb */
export async function launch(verb) {
  const known =
    verb !== undefined &&
    /^[a-z]+(-[a-z]+)*$/.test(verb) &&
    existsSync(join(root, 'bin', 'verbs', `${verb}.ts`))
  const name = known ? verb : 'help'
  if (!known) leaveToHelp(verb)
  const built = join(root, 'dist', `${name}.cjs`)
  if (!existsSync(join(root, 'dist'))) await buildOnce()
  if (isFresh(built)) return createRequire(import.meta.url)(built)
  const tsx = await ifThere(() => import('tsx/esm/api'), ['ERR_MODULE_NOT_FOUND'])
  if (!tsx) return sayIncomplete()
  tsx.register()
  await import(pathToFileURL(join(root, 'bin', 'verbs', `${name}.ts`)).href)
}

/** As a plugin we come with our dependencies and without a build. Where none can be made the sources do, more slowly. */
async function buildOnce() {
  await ifThere(() => import('./bundle.js'), ['ERR_MODULE_NOT_FOUND', 'EACCES', 'EPERM', 'EROFS', 'ENOSPC'])
}

/**
 * @template T
 * @param {() => Promise<T>} load
 * @param {readonly string[]} expected codes of what may go wrong: undefined then
 * @returns {Promise<T | undefined>}
 */
async function ifThere(load, expected) {
  try {
    return await load()
  } catch (error) {
    if (error instanceof Error && 'code' in error && expected.includes(String(error.code))) return undefined
    throw error
  }
}

/** In the form that was asked for, as every other failure. */
function sayIncomplete() {
  const message = `Dirigent in ${root} lacks its dependencies`
  const hint = `Fetch them: cd '${root}' && npm ci`
  const error = { code: 'program-failed', message, hint, retryable: false }
  if (process.argv.includes('--json')) console.log(JSON.stringify({ v: 1, ok: false, error, next: [] }))
  else console.error(`error: ${error.code}: ${message}\n${hint}`)
  process.exitCode = 1
}

/**
 * `help` says that there is no such verb, in the form that was asked for; `dirigent --help` and
 * `dirigent --version` are its own options.
 * @param {string | undefined} verb
 */
function leaveToHelp(verb) {
  const rest = process.argv.splice(2)
  if (verb === undefined || verb === '--help' || verb === '-h') return
  process.argv.push(verb, ...rest.filter((word) => word === '--json'))
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
    // Not `join`, which costs as much as the look itself.
    const path = `${directory}/${entry.name}`
    if (entry.isDirectory()) time = Math.max(time, newest(path))
    else if (entry.name.endsWith('.ts')) time = Math.max(time, statSync(path).mtimeMs)
  }
  return time
}
