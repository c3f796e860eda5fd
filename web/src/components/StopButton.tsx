// Ends a run: first asks the program to end, and then, as the same button, ends it at once. A run that cannot be asked is ended
// at once.
import { OctagonX, Square } from 'lucide-react'
import type { usePlay } from '../hooks/usePlay'
import { useMessages } from '../i18n/messages'
import { Button } from '../ui/Button'

export function StopButton({ run }: { run: ReturnType<typeof usePlay> }) {
  const m = useMessages()
  const { kind, isTerminal, isStopping } = run.state
  const isLive = kind === 'live'
  if (isLive && isStopping) {
    return (
      // The second click of a double click on Stop does not count.
      <Button onClick={(event) => event.detail < 2 && run.kill()} title={m.play.killHint}>
        <OctagonX aria-hidden size={14} />
        {m.play.kill}
      </Button>
    )
  }
  return (
    <Button onClick={isTerminal ? run.stop : run.kill} disabled={!isLive} title={isLive && !isTerminal ? m.play.killHint : m.play.stopHint}>
      <Square aria-hidden size={14} />
      {m.play.stop}
    </Button>
  )
}
