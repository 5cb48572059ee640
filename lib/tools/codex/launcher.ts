/**
 * The npm package's `codex` is a JavaScript launcher. It costs 55 ms and 44 MB for each worker, and killing
 * it outright leaves the real program running. So the launcher is recognised and the native program of the
 * platform's package is taken instead.
 */
import { closeSync, existsSync, openSync, readFileSync, readSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { parseTable } from '../workers/json.ts'

/** The launcher's own JavaScript file when `path` is the launcher or leads to it, or null. */
export function launcherAt(path: string): string | null {
  const real = realpathSync(path)
  if (isLauncher(real)) return real
  // pnpm puts a shell script on PATH that names the launcher relative to itself.
  const named = /"\$basedir\/([^"\n]*\/bin\/codex\.js)"/.exec(scriptHead(real))?.[1]
  if (named === undefined) return null
  const target = join(dirname(real), named)
  return existsSync(target) && isLauncher(realpathSync(target)) ? realpathSync(target) : null
}

/** The native program that belongs to a launcher, or null when its platform package is not installed. */
export function nativeOf(launcher: string, platform = process.platform, arch = process.arch): string | null {
  const target = targets[`${platform === 'android' ? 'linux' : platform}-${arch}`]
  if (target === undefined) return null
  const program = join(
    'vendor',
    target.triple,
    'bin',
    target.name.startsWith('win32') ? 'codex.exe' : 'codex',
  )
  const bundled = join(dirname(launcher), '..', program)
  const packaged = ancestors(launcher).map((dir) =>
    join(dir, 'node_modules', '@openai', `codex-${target.name}`, program),
  )
  return [...packaged, bundled].find((path) => existsSync(path)) ?? null
}

/** The folders above a path, nearest first. */
export function ancestors(path: string): string[] {
  const above = dirname(path)
  return above === path ? [] : [above, ...ancestors(above)]
}

const targets: Record<string, { name: string; triple: string } | undefined> = {
  'linux-x64': { name: 'linux-x64', triple: 'x86_64-unknown-linux-musl' },
  'linux-arm64': { name: 'linux-arm64', triple: 'aarch64-unknown-linux-musl' },
  'darwin-x64': { name: 'darwin-x64', triple: 'x86_64-apple-darwin' },
  'darwin-arm64': { name: 'darwin-arm64', triple: 'aarch64-apple-darwin' },
  'win32-x64': { name: 'win32-x64', triple: 'x86_64-pc-windows-msvc' },
  'win32-arm64': { name: 'win32-arm64', triple: 'aarch64-pc-windows-msvc' },
}

/** Somebody's own wrapper in JavaScript is not the launcher and is left alone. */
function isLauncher(real: string): boolean {
  if (basename(real) !== 'codex.js') return false
  const manifest = join(dirname(real), '..', 'package.json')
  return existsSync(manifest) && parseTable(readFileSync(manifest, 'utf8'))?.name === '@openai/codex'
}

/** The beginning of a script; empty for the native program, which is far too big to be read. */
function scriptHead(path: string): string {
  const head = Buffer.alloc(4096)
  const fd = openSync(path, 'r')
  try {
    const text = head.toString('utf8', 0, readSync(fd, head, 0, head.length, 0))
    return text.startsWith('#!') ? text : ''
  } finally {
    closeSync(fd)
  }
}
