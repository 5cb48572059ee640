/**
 * Our own view of the repository's git directory: the real objects, refs and worktrees by symbolic
 * link, and a configuration of our own.
 *
 * A worker can write the shared .git/config, and many of its keys make git run a program
 * (core.fsmonitor, filter.*, diff.*.textconv, core.sshCommand, credential.helper …). Overriding each on
 * the command line is a list that is never complete, so the trusted side does not read that file: it
 * reads a copy which holds only keys from a closed list that cannot run anything. Hooks are absent.
 *
 * The copy is taken when no worker lives. A change found while one lives, or at the end of one, is not
 * adopted (a worker could point a remote elsewhere) until a person runs `dirigent init`.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { errno } from '../../kit/errors.ts'
import { diskFailure, renameDurable, temporaryName, writeFileDurable } from '../../kit/files.ts'
import { run } from '../../kit/proc.ts'
import { gitEnvironment } from './environment.ts'

const linked = ['objects', 'refs', 'packed-refs', 'logs', 'info', 'worktrees', 'shallow']

/** Section.key, or section.*.key where there is a subsection. None of these can name a program. */
const allowed = new Set([
  ...['repositoryformatversion', 'filemode', 'bare', 'symlinks', 'ignorecase', 'precomposeunicode'].map(
    (k) => `core.${k}`,
  ),
  ...['autocrlf', 'eol', 'safecrlf', 'compression', 'logallrefupdates', 'sharedrepository', 'abbrev'].map(
    (k) => `core.${k}`,
  ),
  ...['bigfilethreshold', 'longpaths', 'protecthfs', 'protectntfs', 'trustctime', 'checkstat'].map(
    (k) => `core.${k}`,
  ),
  ...['objectformat', 'partialclone', 'refstorage', 'compatobjectformat'].map((k) => `extensions.${k}`),
  ...['name', 'email', 'useconfigonly'].map((k) => `user.${k}`),
  ...['url', 'fetch', 'promisor', 'partialclonefilter', 'tagopt'].map((k) => `remote.*.${k}`),
  ...['remote', 'merge'].map((k) => `branch.*.${k}`),
  'merge.renames',
  'diff.renames',
  'i18n.commitencoding',
])

export type Adoption = 'unchanged' | 'adopted' | 'refused'

/**
 * Makes the view when it is missing and brings it up to date when that is allowed.
 * @param adopt 'ask-a-person' refuses every change; 'no-worker-lives' takes one that was not refused
 *   before; 'a-person-said-so' takes any
 */
export async function ensureTrusted(
  gitDir: string,
  trusted: string,
  adopt: 'ask-a-person' | 'no-worker-lives' | 'a-person-said-so',
): Promise<Adoption> {
  const source = join(gitDir, 'config')
  const sha256 = digest(source)
  const known = readIfThere(join(trusted, 'config.sha256'))
  if (known === sha256) return 'unchanged'
  if (known !== undefined && adopt === 'ask-a-person') return 'refused'
  if (adopt === 'no-worker-lives' && readIfThere(join(trusted, 'config.refused')) === sha256) return 'refused'
  const safe = await safeConfig(source)
  if (!existsSync(trusted)) makeView(gitDir, trusted)
  writeFileDurable(join(trusted, 'config'), safe)
  writeFileDurable(join(trusted, 'config.sha256'), sha256)
  return 'adopted'
}

/** Remembers that this content of .git/config appeared under a worker. True when it was news. */
export function refuseChanges(gitDir: string, trusted: string): boolean {
  const sha256 = digest(join(gitDir, 'config'))
  if (readIfThere(join(trusted, 'config.sha256')) === sha256) return false
  const refused = join(trusted, 'config.refused')
  if (readIfThere(refused) === sha256) return false
  writeFileDurable(refused, sha256)
  return true
}

/** Built beside and renamed in, so that it is whole whenever it exists. */
function makeView(gitDir: string, trusted: string): void {
  const temporary = temporaryName(trusted)
  try {
    mkdirSync(dirname(trusted), { recursive: true })
    mkdirSync(temporary)
    for (const name of linked) symlinkSync(join(gitDir, name), join(temporary, name))
    // git wants some HEAD here; the real ones belong to the checkouts.
    writeFileSync(join(temporary, 'HEAD'), 'ref: refs/heads/none\n')
    mkdirSync(join(gitDir, 'worktrees'), { recursive: true })
    renameDurable(temporary, trusted)
  } catch (error) {
    if (errno(error) !== 'ENOTEMPTY' && errno(error) !== 'EEXIST') throw diskFailure(error, trusted)
  }
}

/** The allowed keys of a configuration file, as a configuration file. Listing it runs nothing. */
async function safeConfig(source: string): Promise<string> {
  const env = gitEnvironment({ GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' })
  const args = ['config', '--file', source, '--no-includes', '--null', '--list']
  const listed = await run('git', args, { cwd: '/', env, timeout: 10_000 })
  return listed.stdout
    .toString()
    .split('\0')
    .filter((entry) => entry !== '')
    .map(safeEntry)
    .join('')
}

function safeEntry(entry: string): string {
  const newline = entry.indexOf('\n')
  const key = newline === -1 ? entry : entry.slice(0, newline)
  const value = newline === -1 ? 'true' : entry.slice(newline + 1)
  const first = key.indexOf('.')
  const last = key.lastIndexOf('.')
  const section = key.slice(0, first)
  const name = key.slice(last + 1)
  const subsection = first === last ? null : key.slice(first + 1, last)
  if (!allowed.has(subsection === null ? `${section}.${name}` : `${section}.*.${name}`)) return ''
  const quoted = subsection === null ? '' : ` "${subsection.replace(/[\\"]/g, '\\$&')}"`
  return `[${section}${quoted}]\n\t${name} = "${value.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n').replace(/\t/g, '\\t')}"\n`
}

function digest(path: string): string {
  return createHash('sha256')
    .update(existsSync(path) ? readFileSync(path) : '')
    .digest('hex')
}

function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}
