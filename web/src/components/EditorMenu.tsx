// The menu for the behaviour and the look of the editor: keys, tab width, size of the text.
import { Menu } from '@base-ui/react/menu'
import { Minus, Plus } from 'lucide-react'
import { EDITOR_KEYS, TAB_WIDTHS, useEditorKeys, useLineWrapping, useTabWidth, type EditorKeys, type TabWidth } from '../editor/settings'
import { editorMenu } from '../i18n/editor-menu'
import { useMessages, useTexts } from '../i18n/messages'
import type { Opened } from '../ui/MenuButton'
import { MENU_GROUP, MENU_ITEM, OpenedMenu } from '../ui/OpenedMenu'

export function EditorMenu({ opened, size, onSize }: { opened: Opened; size: number; onSize: (size: number) => void }) {
  const m = useMessages()
  const e = useTexts(editorMenu)
  const [keys, setKeys] = useEditorKeys()
  const [width, setWidth] = useTabWidth()
  const [wrapping, setWrapping] = useLineWrapping()
  return (
    <OpenedMenu opened={opened}>
      <Menu.RadioGroup value={keys} onValueChange={(value: EditorKeys) => setKeys(value)} aria-label={e.keys}>
        <div aria-hidden className={MENU_GROUP}>
          {e.keys}
        </div>
        {EDITOR_KEYS.map((one) => (
          <Choice key={one} value={one} text={e.keyTexts[one]} />
        ))}
      </Menu.RadioGroup>
      <Menu.RadioGroup value={width} onValueChange={(value: TabWidth) => setWidth(value)} aria-label={e.tabWidth}>
        <div aria-hidden className={MENU_GROUP}>
          {e.tabWidth}
        </div>
        {TAB_WIDTHS.map((one) => (
          <Choice key={one} value={one} text={e.tabTexts[one]} />
        ))}
      </Menu.RadioGroup>
      <Menu.CheckboxItem checked={wrapping === 'on'} onCheckedChange={(on) => setWrapping(on ? 'on' : 'off')} closeOnClick={false} className={`${MENU_ITEM} mt-1 border-t border-border`}>
        <span aria-hidden className="w-4 text-center text-accent-text">
          <Menu.CheckboxItemIndicator>✓</Menu.CheckboxItemIndicator>
        </span>
        {e.wrap}
      </Menu.CheckboxItem>
      <Menu.Group aria-label={e.textSize}>
        <div aria-hidden className={MENU_GROUP}>
          {m.pair(e.textSize, `${size} px`)}
        </div>
        <Menu.Item closeOnClick={false} className={MENU_ITEM} onClick={() => onSize(size - 1)}>
          <Minus aria-hidden size={16} strokeWidth={1.5} />
          {m.editor.fontSmaller}
        </Menu.Item>
        <Menu.Item closeOnClick={false} className={MENU_ITEM} onClick={() => onSize(size + 1)}>
          <Plus aria-hidden size={16} strokeWidth={1.5} />
          {m.editor.fontLarger}
        </Menu.Item>
      </Menu.Group>
    </OpenedMenu>
  )
}

function Choice({ value, text }: { value: string; text: string }) {
  return (
    <Menu.RadioItem value={value} closeOnClick={false} className={`${MENU_ITEM} data-[checked]:font-semibold`}>
      <span aria-hidden className="w-4 text-center text-accent-text">
        <Menu.RadioItemIndicator>✓</Menu.RadioItemIndicator>
      </span>
      {text}
    </Menu.RadioItem>
  )
}
