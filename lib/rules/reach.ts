/** How far a change reaches: files outside the spec's paths, and files that steer agents or CI. Pure. */
import picomatch from 'picomatch'

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
  '**/.mcp.json',
  '.devcontainer/**',
  '.vscode/**',
  '.gitmodules',
  '**/.gitattributes',
  '.worktreeinclude',
]

// With `s` a name that holds a newline is matched like any other.
const options = { dot: true, flags: 's' }

/** Files that no glob of `paths` covers; none when there are no globs. */
export function outsidePaths(files: readonly string[], paths: readonly string[]): string[] {
  if (paths.length === 0) return []
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
  const named = paths.filter((glob) => !/^(?:\.\/)?\*/.test(glob))
  const allowed = named.length > 0 ? picomatch(named, options) : () => false
  return files.filter((file) => steers(file) && !allowed(file))
}

export function matchesAny(name: string, globs: readonly string[]): boolean {
  return globs.length > 0 && picomatch([...globs], options)(name)
}
