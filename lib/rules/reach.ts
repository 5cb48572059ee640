/** How far a change reaches: files outside the spec's paths, and files that steer agents or CI. Pure. */
import picomatch from 'picomatch'
import { within } from '../kit/within.ts'

/** A change to these waits for a person unless the spec's paths name them on purpose. */
const steering = [
  '.github/**',
  '.gitlab-ci.yml',
  '**/.claude/**',
  '**/.codex/**',
  '**/.agents/**',
  '**/AGENTS.md',
  '**/AGENTS.override.md',
  '**/CLAUDE.md',
  '**/CLAUDE.local.md',
  '**/.mcp.json',
  '.devcontainer/**',
  '.vscode/**',
  '.gitmodules',
  '**/.gitattributes',
  '.worktreeinclude',
]

/** Globs of a plan and names by a worker can be made to take for ever; milliseconds. */
const longest = 2000

// With `s` a name that holds a newline is matched like any other.
const options = { dot: true, flags: 's' }

/** Files that no glob of `paths` covers; none when there are no globs. Of globs that take too long, all. */
export function outsidePaths(files: readonly string[], paths: readonly string[]): string[] {
  if (paths.length === 0) return []
  return within(longest, () => uncovered(files, paths)) ?? [...files]
}

function uncovered(files: readonly string[], paths: readonly string[]): string[] {
  const inside = picomatch([...paths], options)
  return files.filter((file) => !inside(file))
}

/**
 * Steering files that the spec does not name: a catch-all such as `**` is not naming them.
 * @param own globs of Dirigent's own files
 */
export function steeringFiles(
  files: readonly string[],
  paths: readonly string[],
  own: readonly string[],
): string[] {
  const steers = picomatch([...steering, ...own], options)
  const steered = files.filter((file) => steers(file))
  const named = paths.filter((glob) => !/^(?:\.\/)?\*/.test(glob))
  return named.length > 0 ? outsidePaths(steered, named) : steered
}

export function matchesAny(name: string, globs: readonly string[]): boolean {
  return globs.length > 0 && picomatch([...globs], options)(name)
}
