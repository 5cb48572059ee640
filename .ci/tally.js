/** `node tally.js REPORT`: one line from vitest's JSON report. Exit code 1 when a test failed or none passed. */
import { existsSync, readFileSync } from 'node:fs'

const [path = ''] = process.argv.slice(2)
const report = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {}
// A file that could not be loaded has no tests to fail; it counts as one.
const unloaded = (report.testResults ?? []).filter(
  (/** @type {{ status: string, assertionResults: unknown[] }} */ file) =>
    file.status === 'failed' && file.assertionResults.length === 0,
).length
const passed = report.numPassedTests ?? 0
const failed = (report.numFailedTests ?? 0) + unloaded
const skipped = (report.numPendingTests ?? 0) + (report.numTodoTests ?? 0)
console.log(`tests: ${passed} passed, ${failed} failed, ${skipped} skipped`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0
