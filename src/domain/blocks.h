/* blocks.h - HTML as a tree of blocks, so that who shows it never handles
 * markup. It is parsed as browsers do it (WHATWG HTML, by libgumbo); what is
 * not on the list below is left out, and its text stays, but for that of
 * scripts, styles, forms and embedded things. Pure.
 *
 * Blocks:
 *   {"type":"paragraph","children":[INLINE]}
 *   {"type":"heading","level":1,"children":[INLINE]}         level 1 to 6
 *   {"type":"list","ordered":false,"children":[ITEM]}
 *   {"type":"item","children":[BLOCK]}
 *   {"type":"quote","children":[BLOCK]}
 *   {"type":"preformatted","text":"..."}
 *   {"type":"rule"}
 *   {"type":"image","url":"https://...","alt":"..."}         inline, too
 * Inline:
 *   {"type":"text","text":"..."}
 *   {"type":"strong"|"emphasis"|"strike"|"code","children":[INLINE]}
 *   {"type":"link","url":"https://...","children":[INLINE]}  link_is_safe()
 *   {"type":"break"} */
#pragma once

#include "base/json.h"

#define BLOCKS_HTML_MAX ((size_t)64 * 1024) /* bytes; the rest is left out */
/* Of the parser: tags that are not closed, and come again with each paragraph,
 * make many nodes of a few bytes. What takes more has no blocks. */
#define BLOCKS_MEMORY_MAX ((size_t)16 * 1024 * 1024)
/* Of one tag: each is held against those before it. HTML with more has no
 * blocks. */
#define BLOCKS_ATTRIBUTES_MAX 200
#define BLOCKS_NODES_MAX 2000   /* the rest is left out */
#define BLOCKS_DEPTH_MAX 10     /* what lies deeper is where its parent is */
#define BLOCKS_ELEMENTS_MAX 256 /* deep: what is in more is left out */

/* Writes an array. html is UTF-8. */
void blocks_write(struct str html, struct json_writer *w);
