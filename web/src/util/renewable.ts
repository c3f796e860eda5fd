// A lazy component of React keeps the failure of its import, so the next attempt needs a new one. After any other error, such as one while
// it is drawn, the component stays, because its script is there.

export interface Renewable<L> {
  current: () => L
  /** Replaces the component if the error is that of its import. Returns whether the error is that of an import. */
  renew: (error: unknown) => boolean
}

/** `make` returns the lazy component of an import. */
export function renewable<T, L>(load: () => Promise<T>, make: (load: () => Promise<T>) => L): Renewable<L> {
  const failures = new WeakSet<Error>()
  let failure: { error: unknown } | undefined
  const fresh = () => {
    failure = undefined
    return make(() =>
      load().catch((error: unknown) => {
        if (error instanceof Error) failures.add(error)
        failure = { error }
        throw error
      }),
    )
  }
  let current = fresh()
  return {
    current: () => current,
    renew: (error) => {
      // Several places may show the component. The first that fails replaces it for all.
      if (failure !== undefined && failure.error === error) current = fresh()
      return error instanceof Error && failures.has(error)
    },
  }
}
