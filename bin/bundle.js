/** `npm run build`: one bundle per verb in dist/, with what they share in chunks. Built beside, then moved in. */
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const verbs = readdirSync(join(root, 'bin', 'verbs')).filter((name) => name.endsWith('.ts'))
const began = new Date()
const beside = mkdtempSync(join(root, 'dist-'))
// Each verb by itself: Node loads one large module faster than twenty small ones that verbs would share.
// Only what is loaded on demand (YAML, globs, file watching) is a chunk of its own.
for (const name of verbs) {
  await build({
    entryPoints: [join(root, 'bin', 'verbs', name)],
    outdir: beside,
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    minifySyntax: true,
    minifyWhitespace: true,
    logLevel: 'warning',
    // Bundled CommonJS (fast-glob, picomatch, yaml) still calls require for node's own modules.
    banner: { js: "import { createRequire as $require } from 'node:module';const require = $require(import.meta.url);" },
  })
}
// An edit made while we were building must count as newer than the build.
for (const name of readdirSync(beside)) utimesSync(join(beside, name), began, began)
const dist = join(root, 'dist')
mkdirSync(dist, { recursive: true })
const made = readdirSync(beside)
// Chunks before the verbs that import them.
for (const name of [...made.filter((file) => !isVerb(file)), ...made.filter(isVerb)])
  renameSync(join(beside, name), join(dist, name))
rmSync(beside, { recursive: true })
// A runner that is under way may still load a chunk of the build it began with; yesterday's are rubbish.
for (const name of readdirSync(dist)) {
  if (!made.includes(name) && statSync(join(dist, name)).mtimeMs < Date.now() - 86_400_000)
    rmSync(join(dist, name))
}

/** @param {string} file */
function isVerb(file) {
  return verbs.includes(file.replace(/\.js$/, '.ts'))
}
