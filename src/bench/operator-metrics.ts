/** What an operator process says of itself under /metrics. */
export class OperatorMetrics {
  readonly #lines: readonly string[]

  private constructor(text: string) {
    this.#lines = text.split('\n')
  }

  static async of({ metricsUrl }: { readonly metricsUrl: string }): Promise<OperatorMetrics> {
    return new OperatorMetrics(await (await fetch(`${metricsUrl}/metrics`)).text())
  }

  /** All series that begin so, together; undefined: there is none. */
  sum(series: string): number | undefined {
    const found = this.#lines.filter((line) => line.startsWith(series))
    return found.length === 0 ? undefined : found.reduce((all, line) => all + Number(line.split(' ').at(-1)), 0)
  }
}
