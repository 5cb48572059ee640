/** Says which tests failed, and why, and passed when played once more: each is a defect to look for. For `vitest --retry=1`. */
export default class Twice {
  #lines = []

  /** @param {import('vitest/node').TestCase} test */
  onTestCaseResult(test) {
    if (!test.diagnostic()?.flaky) return
    const [error] = test.result().errors ?? []
    const why = (error?.stack ?? error?.message ?? '').split('\n').slice(0, 4).join('\n')
    this.#lines.push(`${test.module.relativeModuleId} > ${test.fullName}\n${why}`)
  }

  onTestRunEnd() {
    for (const line of this.#lines) console.log(`passed only when played once more: ${line}`)
  }
}
