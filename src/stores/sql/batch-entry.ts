import type { Watched } from './deadlines.ts'

/** An operation and the caller that waits for its outcome. */
export class BatchEntry<Operation, Outcome> implements Watched {
  readonly operation: Operation
  /** See `BatchKind.idOf`. */
  readonly id: string | null
  readonly deadline: number
  readonly promise: Promise<Outcome>
  isSent = false
  isAnswered = false
  readonly #errorWhenLate: (isSent: boolean) => Error
  #resolve: (outcome: Outcome) => void = () => {}
  #reject: (error: unknown) => void = () => {}

  constructor(
    operation: Operation,
    id: string | null,
    deadline: number,
    errorWhenLate: (isSent: boolean) => Error,
  ) {
    this.operation = operation
    this.id = id
    this.deadline = deadline
    this.#errorWhenLate = errorWhenLate
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  resolve(outcome: Outcome): void {
    this.isAnswered = true
    this.#resolve(outcome)
  }

  reject(error: unknown): void {
    this.isAnswered = true
    this.#reject(error)
  }

  onLate(): void {
    this.reject(this.#errorWhenLate(this.isSent))
  }
}
