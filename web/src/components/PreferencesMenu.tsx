// The menu of the theme, the language and the list of shortcuts.
import { Menu } from '@base-ui/react/menu'
import { Keyboard } from 'lucide-react'
import { LANGUAGES, useLanguage, type LanguageTag } from '../i18n/messages'
import type { Opened } from '../ui/MenuButton'
import { MENU_GROUP, MENU_ITEM, OpenedMenu } from '../ui/OpenedMenu'
import { THEME_ICONS } from '../ui/themes'
import { setTheme, useTheme, type Theme } from '../util/theme'

export function PreferencesMenu({ opened, onShortcuts }: { opened: Opened; onShortcuts: () => void }) {
  const { messages: m, tag, change } = useLanguage()
  const theme = useTheme()
  return (
    <OpenedMenu opened={opened}>
      <Menu.RadioGroup value={theme} onValueChange={(value: Theme) => setTheme(value)}>
        <div className={MENU_GROUP}>{m.theme.label}</div>
        {(Object.entries(THEME_ICONS) as [Theme, typeof Keyboard][]).map(([one, Icon]) => (
          <Menu.RadioItem key={one} value={one} closeOnClick className={`${MENU_ITEM} data-[checked]:font-semibold`}>
            <Icon aria-hidden size={16} strokeWidth={1.5} />
            {m.theme[one]}
            <Chosen />
          </Menu.RadioItem>
        ))}
      </Menu.RadioGroup>
      <Menu.RadioGroup value={tag} onValueChange={(value: LanguageTag) => change(value)}>
        <div className={MENU_GROUP}>{m.language}</div>
        {(Object.keys(LANGUAGES) as LanguageTag[]).map((one) => (
          <Menu.RadioItem key={one} value={one} lang={one} closeOnClick className={`${MENU_ITEM} data-[checked]:font-semibold`}>
            {LANGUAGES[one]}
            <Chosen />
          </Menu.RadioItem>
        ))}
      </Menu.RadioGroup>
      <Menu.Separator className="my-1 h-px bg-border pointer-coarse:hidden" />
      <Menu.Item className={`${MENU_ITEM} pointer-coarse:hidden`} onClick={onShortcuts}>
        <Keyboard aria-hidden size={16} strokeWidth={1.5} />
        {m.shortcuts.open}
      </Menu.Item>
    </OpenedMenu>
  )
}

const Chosen = () => (
  <Menu.RadioItemIndicator aria-hidden className="ml-auto pl-3 text-accent-text">
    ✓
  </Menu.RadioItemIndicator>
)
