// The button of the editor's settings.
import { Settings2 } from 'lucide-react'
import { editing } from '../i18n/editing'
import { useTexts } from '../i18n/messages'
import { MenuButton } from '../ui/MenuButton'
import { lazyPart } from './LazyPart'

const load = () => import('./EditorMenu')
const EditorMenu = lazyPart(async () => (await load()).EditorMenu)

export function EditorSettings({ size, onSize }: { size: number; onSize: (size: number) => void }) {
  const { settings } = useTexts(editing)
  return (
    <MenuButton label={settings} title={settings} load={load} menu={(given) => <EditorMenu {...given} size={size} onSize={onSize} />}>
      <Settings2 aria-hidden size={16} strokeWidth={1.5} />
    </MenuButton>
  )
}
