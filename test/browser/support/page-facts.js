// Runs inside a page, where the tests' own types do not reach: see page-facts.ts.

;(() => {
  return { focused, outlineWidth, overflow, lowContrasts, animation, brightness }

  function focused() {
    return document.activeElement.textContent.trim()
  }

  function outlineWidth() {
    const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement)
    return outlineStyle === 'none' ? 0 : Number.parseFloat(outlineWidth)
  }

  function overflow() {
    const { scrollWidth, clientWidth } = document.documentElement
    return scrollWidth - clientWidth
  }

  function lowContrasts() {
    const found = []
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    while (texts.nextNode()) {
      const element = texts.currentNode.parentElement
      const text = texts.currentNode.textContent.trim()
      if (text === '' || !element.checkVisibility()) continue
      const ratio = contrast(colorOf(getComputedStyle(element).color), backgroundOf(element))
      if (ratio < 4.5) found.push(`${ratio.toFixed(2)}: ${text}`)
    }
    return found
  }

  function animation(selector) {
    return getComputedStyle(document.querySelector(selector)).animationName
  }

  async function brightness(picture) {
    const bytes = Uint8Array.from(atob(picture), (character) => character.charCodeAt(0))
    const bitmap = await createImageBitmap(new Blob([bytes]))
    const canvas = new OffscreenCanvas(1, 1).getContext('2d')
    canvas.drawImage(bitmap, 0, 0, 1, 1)
    const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data
    return (red + green + blue) / (3 * 255)
  }

  function contrast(one, other) {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b)
    return (light + 0.05) / (dark + 0.05)
  }

  // https://www.w3.org/TR/WCAG22/#dfn-relative-luminance
  function luminance(color) {
    const [red, green, blue] = color.map((part) => {
      const value = part / 255
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }

  function colorOf(css) {
    return css.match(/[\d.]+/g).map(Number)
  }

  function backgroundOf(element) {
    const color = colorOf(getComputedStyle(element).backgroundColor)
    if (color.length === 3) return color
    return element.parentElement === null ? [255, 255, 255] : backgroundOf(element.parentElement)
  }
})()
