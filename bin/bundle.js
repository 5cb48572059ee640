/** `npm run build`: one bundle per verb in dist/. Built beside, then moved in; what killed builds left there is removed. */
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const verbs = readdirSync(join(root, 'bin', 'verbs')).filter((name) => name.endsWith('.ts'))
const began = new Date()
removeLeft()
// Whose it is; a pid means something only within its namespace.
const beside = mkdtempSync(join(root, `dist-${namespace()}-${process.pid}-`))
// CommonJS, one file a verb: Node starts that a third faster than ES modules or shared chunks. The import of
// our own lib/ stays static; the packages that only some calls need are files of their own, loaded then.
const onDemand = ['yaml', 'chokidar', 'fast-glob', 'proper-lockfile']
const settings = {
  absWorkingDir: root,
  outdir: beside,
  outExtension: { '.js': '.cjs' },
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  minifySyntax: true,
  minifyWhitespace: true,
  logLevel: 'warning',
}
const dist = join(root, 'dist')
/** @type {string[]} */
let made = []
try {
  await build({ ...settings, entryPoints: onDemand.map((name) => ({ in: name, out: name })) })
  await build({
    ...settings,
    entryPoints: verbs.map((name) => join(root, 'bin', 'verbs', name)),
    plugins: [{ name: 'on-demand', setup: leaveOnDemand }],
    // `import()` becomes `require`, and `import.meta.url` what it would have been.
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': 'moduleUrl' },
    banner: { js: "const moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
  })
  // An edit made while we were building must count as newer than the build.
  for (const name of readdirSync(beside)) utimesSync(join(beside, name), began, began)
  made = readdirSync(beside)
  // Packages before the verbs that load them.
  if (!placeWhole())
    for (const name of [...made.filter((file) => !isVerb(file)), ...made.filter(isVerb)])
      renameSync(join(beside, name), join(dist, name))
} finally {
  rmSync(beside, { recursive: true, force: true })
}
// Files of an earlier version: a runner that is under way may still load one; yesterday's are rubbish.
for (const name of readdirSync(dist)) {
  if (!made.includes(name) && statSync(join(dist, name)).mtimeMs < Date.now() - 86_400_000)
    rmSync(join(dist, name))
}

/** The first build comes all at once: half of one, after a kill, would be completed by nobody. False when one is there. */
function placeWhole() {
  chmodSync(beside, 0o777 & ~process.umask())
  try {
    renameSync(beside, dist)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && ['ENOTEMPTY', 'EEXIST'].includes(String(error.code)))
      return false
    throw error
  }
}

/** Directories of builds that live no more; of one that cannot be seen from here (another container), after an hour. */
function removeLeft() {
  for (const name of readdirSync(root).filter((each) => each.startsWith('dist-'))) {
    const [, where, pid] = /^dist-(\d+)-(\d+)-/.exec(name) ?? []
    const there = statSync(join(root, name), { throwIfNoEntry: false })
    const left = where === namespace() ? !lives(Number(pid)) : (there?.mtimeMs ?? 0) < Date.now() - 3_600_000
    if (there?.isDirectory() && left) rmSync(join(root, name), { recursive: true, force: true })
  }
}

/** @param {number} pid */
function lives(pid) {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH')
  }
}

/** `0` where there are none. */
function namespace() {
  if (process.platform !== 'linux') return '0'
  return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0'
}

/** @param {string} file */
function isVerb(file) {
  return verbs.includes(file.replace(/\.cjs$/, '.ts'))
}

/** @param {import('esbuild').PluginBuild} build */
function leaveOnDemand(build) {
  build.onResolve({ filter: new RegExp(`^(${onDemand.join('|')})$`) }, ({ path }) => ({
    path: `./${path}.cjs`,
    external: true,
  }))
}
