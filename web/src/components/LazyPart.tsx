// A part of a page whose script is loaded when the part is first shown. If the script cannot be loaded, for example without a connection
// or after an upgrade of the server, or if the part fails, an error is shown in its place, and the rest of the page stays.
import { Component, createElement, lazy, useState, type FunctionComponent, type ReactNode } from 'react'
import { renewable } from '../util/renewable'
import { PartFailed } from './ErrorBox'

type Part<P> = (props: P) => ReactNode

/** `load` imports the script and returns the component. The caller places the part in a `Suspense`. */
export function lazyPart<P extends object>(load: () => Promise<Part<P>>): Part<P> {
  const component = renewable(load, (load) => lazy(async () => ({ default: await load() })))
  return function LazyPart(props) {
    const [attempt, setAttempt] = useState(0)
    return (
      <Boundary key={attempt} isFirst={attempt === 0} onFail={component.renew} onRetry={() => setAttempt(attempt + 1)}>
        {createElement(component.current() as unknown as FunctionComponent<P>, props)}
      </Boundary>
    )
  }
}

interface BoundaryProps {
  /** Returns whether the script is missing. */
  onFail: (error: unknown) => boolean
  onRetry: () => void
  /** Whether nothing was tried again yet. */
  isFirst: boolean
  children: ReactNode
}

class Boundary extends Component<BoundaryProps, { hasFailed: boolean; isMissing: boolean }> {
  override state = { hasFailed: false, isMissing: false }

  static getDerivedStateFromError() {
    return { hasFailed: true }
  }

  override componentDidCatch(error: unknown) {
    const isMissing = this.props.onFail(error)
    this.setState({ isMissing })
    // The connection may have come back after the request for the script and before the error.
    if (isMissing && this.props.isFirst && navigator.onLine) this.props.onRetry()
  }

  override render() {
    return this.state.hasFailed ? <PartFailed isMissing={this.state.isMissing} onRetry={this.props.onRetry} /> : this.props.children
  }
}
