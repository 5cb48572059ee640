/** `npm run build`: one bundle per verb in dist/. Built beside, then moved in. */
import { chmodSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const verbs = readdirSync(join(root, 'bin', 'verbs')).filter((name) => name.endsWith('.ts'))
const began = new Date()
const beside = mkdtempSync(join(root, 'dist-'))
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
