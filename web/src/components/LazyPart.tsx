// A part of a page whose script is loaded when the part is first shown. If the script cannot be loaded, for example without a connection
// or after an upgrade of the server, or if the part fails, an error is shown in its place, and the rest of the page stays.
//
// React's `lazy` would show every part late: React shows the content of a `Suspense` no sooner than 300 ms after the fallback
// (`FALLBACK_THROTTLE_MS`), even if the script is loaded at once.
import { Component, createElement, useEffect, useState, type FunctionComponent, type ReactNode } from 'react'
import { PartFailed } from './ErrorBox'

type Part<P> = (props: P) => ReactNode

interface Waiting {
  /** Shown until the script is loaded; nothing by default. */
  waiting?: ReactNode
}

/** `load` imports the script and returns the component. */
export function lazyPart<P extends object>(load: () => Promise<Part<P>>): Part<P & Waiting> {
  let part: Part<P> | undefined
  return function LazyPart({ waiting, ...props }) {
    const [attempt, setAttempt] = useState(0)
    const [isMissing, setIsMissing] = useState(false)
    const [, setIsLoaded] = useState(false)
    const retry = () => {
      setIsMissing(false)
      setAttempt(attempt + 1)
    }
    useEffect(() => {
      if (part !== undefined) return
      let isShown = true
      load().then(
        (loaded) => {
          part = loaded
          if (isShown) setIsLoaded(true)
        },
        () => {
          if (!isShown) return
          // The connection may have come back after the request for the script and before the error.
          if (attempt === 0 && navigator.onLine) setAttempt(1)
          else setIsMissing(true)
        },
      )
      return () => {
        isShown = false
      }
    }, [attempt])
    if (isMissing) return <PartFailed isMissing onRetry={retry} />
    if (part === undefined) return waiting
    return (
      <Boundary key={attempt} onRetry={retry}>
        {createElement(part as FunctionComponent<object>, props)}
      </Boundary>
    )
  }
}

interface BoundaryProps {
  onRetry: () => void
  children: ReactNode
}

class Boundary extends Component<BoundaryProps, { hasFailed: boolean }> {
  override state = { hasFailed: false }

  static getDerivedStateFromError() {
    return { hasFailed: true }
  }

  override render() {
    return this.state.hasFailed ? <PartFailed isMissing={false} onRetry={this.props.onRetry} /> : this.props.children
  }
}
