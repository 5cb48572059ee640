/** The system calls by which a piece of our code changes files, in their order: what no crash of ours can show. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './sandbox.ts'

const traced = 'write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat'

/** Why calls cannot be watched here; null when they can. */
export function noCalls(): string | null {
  const probe = spawnSync('strace', ['-e', 'trace=fsync', 'true'], { stdio: 'ignore' })
  if (probe.error) return 'there is no strace'
  return probe.status === 0 ? null : 'strace may not watch a process here'
}

/**
 * Runs a script (the body of a module; `lib` is the URL of lib/) and gives its calls on what is in `directory`:
 * `write f`, `fsync .`, `rename tmp f`. The random names of temporary files are `tmp`.
 */
export function callsOf(script: string, directory: string): string[] {
  const log = join(directory, '..', `${Date.now().toString(36)}.strace`)
  const lib = JSON.stringify(new URL('../../lib/', import.meta.url).href)
  const code = `const lib = ${lib}\n${script}`
  const node = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', code]
  const ran = spawnSync('strace', ['-f', '-y', '-s', '400', '-e', `trace=${traced}`, '-o', log, ...node], {
    cwd: root,
    encoding: 'utf8',
  })
  if (ran.status !== 0) throw new Error(`the script failed: ${ran.stderr}`)
  return whole(readFileSync(log, 'utf8').split('\n')).flatMap((line) => callOf(line, directory) ?? [])
}

/** A call during which another thread made one is told in two lines: put together where it ended. */
function whole(lines: readonly string[]): string[] {
  const open = new Map<string, string>()
  return lines.flatMap((line) => {
    const thread = /^\d+/.exec(line)?.[0] ?? ''
    const begun = / <unfinished \.\.\.>$/.exec(line)
    if (begun) open.set(thread, line.slice(0, begun.index))
    const rest = /<\.\.\. \w+ resumed>(.*)$/.exec(line)?.[1]
    return begun ? [] : [rest === undefined ? line : `${open.get(thread) ?? ''}${rest}`]
  })
}

function callOf(line: string, directory: string): string | undefined {
  const match = /^\d+\s+([a-z0-9]+)\((.*)\)\s+= \d+/.exec(line)
  if (!match?.[1] || !match[2]?.includes(directory)) return undefined
  const [name, said] = [
    match[1].replace(/^(rename|link|unlink)at2?$/, '$1').replace('pwrite64', 'write'),
    match[2],
  ]
  const paths = [...said.matchAll(/[<"](\/[^>"]*)[>"]/g)].map((found) => found[1] ?? '')
  const inside = paths.filter((path) => path.startsWith(directory)).map((path) => shorten(path, directory))
  return `${name} ${(name === 'write' ? inside.slice(0, 1) : inside).join(' ')}`
}

function shorten(path: string, directory: string): string {
  const below = path.slice(directory.length + 1) || '.'
  return below.replace(/\.tmp-[^/]*/, 'tmp')
}
