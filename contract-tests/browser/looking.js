// What looking.py asks of a page. One object of functions, each evaluated in the page; nothing of it stays there
// but the mark on elements that have had the focus.
({
  /** What makes the page wider than its window; places that scroll by themselves may be as wide as they like. */
  beyond() {
    const room = document.documentElement.clientWidth;
    const wide = Math.max(document.documentElement.scrollWidth, document.body.scrollWidth);
    if (wide <= room) return [];
    const contained = (node) => {
      for (let at = node.parentElement; at && at !== document.body; at = at.parentElement) {
        if (/auto|scroll|hidden|clip/.test(getComputedStyle(at).overflowX)) return true;
      }
      return false;
    };
    const guilty = [...document.body.querySelectorAll("*")]
      .filter((node) => node.getBoundingClientRect().right > room + 0.5 && !contained(node))
      .map((node) => `${node.tagName} ${node.getAttribute("class") ?? ""}: ${node.textContent.trim().slice(0, 40)}`);
    return [`${wide} px of content in ${room} px`, ...guilty.slice(0, 5)];
  },

  /** One h1, no level left out, none empty. */
  headings() {
    const shown = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter((node) => node.checkVisibility());
    const wrong = [];
    if (shown.filter((node) => node.tagName === "H1").length !== 1) wrong.push("there is not exactly one h1");
    let before = 0;
    for (const node of shown) {
      const level = Number(node.tagName[1]);
      const text = node.textContent.trim();
      if (level > before + 1) wrong.push(`h${level} after h${before}: ${text.slice(0, 60)}`);
      if (!text) wrong.push(`an empty h${level}`);
      before = level;
    }
    return wrong;
  },

  /** Text that does not fit into its box, and cannot be scrolled to. */
  cut() {
    const cuts = (node) => {
      const style = getComputedStyle(node);
      const closed = /hidden|clip/.test(style.overflowX + style.overflowY) && style.textOverflow !== "ellipsis";
      const text = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
      if (!closed || !text || node.clientWidth <= 2 || node.clientHeight <= 2 || !node.checkVisibility()) return false;
      return node.scrollHeight > node.clientHeight + 1 || node.scrollWidth > node.clientWidth + 1;
    };
    const found = [...document.body.querySelectorAll("*")].filter(cuts);
    return found.slice(0, 5).map((node) => `cut off: ${node.textContent.trim().slice(0, 60)}`);
  },

  /** Words in drawings of this sort that lie over each other. */
  overlaps(selector) {
    const wrong = [];
    for (const drawing of document.querySelectorAll(selector)) {
      const texts = [...drawing.querySelectorAll("text")].filter((node) => node.checkVisibility());
      const boxes = texts.map((node) => [node.textContent.trim(), node.getBoundingClientRect()]);
      boxes.forEach(([words, a], number) => {
        for (const [others, b] of boxes.slice(number + 1)) {
          const apart = a.right < b.left + 1 || b.right < a.left + 1 || a.bottom < b.top + 3 || b.bottom < a.top + 3;
          if (!apart) wrong.push(`"${words}" lies over "${others}"`);
        }
      });
    }
    return wrong;
  },

  /** Text set wider apart, as WCAG 1.4.12 has it; `off` undoes it. */
  spaced(off) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`
      * { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; }
      p { margin-bottom: 2em !important; }`);
    document.adoptedStyleSheets = off ? [] : [sheet];
  },

  /** Text of this size. */
  zoomed(size) {
    document.documentElement.style.fontSize = size;
  },

  /** Back to the beginning, nothing has the focus. */
  rewind() {
    document.activeElement?.blur?.();
    scrollTo(0, 0);
    for (const node of document.querySelectorAll("[data-met]")) delete node.dataset.met;
  },

  /** What has the focus now, whether it has had it before, and whether one can see that. */
  focused() {
    const node = document.activeElement;
    if (!node || node === document.body) return null;
    const met = "met" in node.dataset;
    node.dataset.met = "";
    const style = getComputedStyle(node);
    const box = node.getClientRects()[0] ?? node.getBoundingClientRect();
    const inside = box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
    const [left, right] = [Math.max(box.left, 0), Math.min(box.right, innerWidth)];
    const [upper, lower] = [Math.max(box.top, 0), Math.min(box.bottom, innerHeight)];
    const x = left + Math.min((right - left) / 2, 10);
    const y = upper + Math.min((lower - upper) / 2, 8);
    const top = document.elementFromPoint(x, y);
    const free = top && (node.contains(top) || top.contains(node) || top.closest("label")?.contains(node));
    const name = node.getAttribute("aria-label") || node.textContent || node.name || "";
    return {
      what: `${node.tagName.toLowerCase()} "${name.trim().slice(0, 40)}"`,
      id: node.id,
      skip: node.classList.contains("skip"),
      met,
      marked: (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2) || style.boxShadow !== "none",
      inside,
      covered: inside && !free,
    };
  },
})
