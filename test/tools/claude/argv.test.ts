import { expect, test } from 'vitest'
import { workerCommand } from '../../../lib/tools/claude/argv.ts'

const thread = '0b1f7a1e-1111-4222-8333-444455556666'
const call = { model: null, effort: null, worktree: '/w', path: '/bin', house: () => 'rules' }
const argv = (how: object, user_config: boolean) =>
  workerCommand({ ...call, ...how }, { path: null, user_config, flags: [] }, {}).argv

// Seen to fail: without the flag, with which 2.1.197 was seen to start no server of the person's.
test('a copy that is asked on the side has no MCP server, also where workers have the person’s', () => {
  expect(argv({ aside: thread }, true)).toContain('--strict-mcp-config')
  expect(argv({}, true)).not.toContain('--strict-mcp-config')
  expect(argv({}, false)).toContain('--strict-mcp-config')
})
