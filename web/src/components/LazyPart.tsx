// A part of a page whose script is loaded when the part is first shown. If the script cannot be loaded, for example without a connection
// or after an upgrade of the server, or if the part fails, an error is shown in its place, and the rest of the page stays.
import { Component, createElement, lazy, useState, type FunctionComponent, type ReactNode } from 'react'
import { PartFailed } from './ErrorBox'

type Part<P> = (props: P) => ReactNode

/** `load` imports the script and returns the component. The caller places the part in a `Suspense`. */
export function lazyPart<P extends object>(load: () => Promise<Part<P>>): Part<P> {
  const make = () => lazy(async () => ({ default: await load() }))
  let current = make()
  return function LazyPart(props) {
    const [attempt, setAttempt] = useState(0)
    // React keeps the failure of a lazy component, so the next attempt has a new one.
    const renew = () => {
      current = make()
    }
    return (
      <Boundary key={attempt} onFail={renew} onRetry={() => setAttempt(attempt + 1)}>
        {createElement(current as unknown as FunctionComponent<P>, props)}
      </Boundary>
    )
  }
}

interface BoundaryProps {
  onFail: () => void
  onRetry: () => void
  children: ReactNode
}

class Boundary extends Component<BoundaryProps, { hasFailed: boolean }> {
  override state = { hasFailed: false }

  static getDerivedStateFromError() {
    return { hasFailed: true }
  }

  override componentDidCatch() {
    this.props.onFail()
  }

  override render() {
    return this.state.hasFailed ? <PartFailed onRetry={this.props.onRetry} /> : this.props.children
  }
}
