/** Texts for people are left alone: that one of them is empty is no mistake in what a guest gets, and they change without notice. */
import type { Ignorer, NodePath } from '@stryker-mutator/api/ignore';

/** As much of Babel's as is looked at. */
interface Text {
  isStringLiteral(): boolean;
  isTemplateLiteral(): boolean;
  readonly node: { readonly value: string; readonly quasis: readonly { readonly value: { readonly raw: string } }[] };
}

export const sentences: Ignorer = {
  /** A text with a space in it is a sentence: no name and no word of a protocol or of the code has one. */
  shouldIgnore(path: NodePath): string | undefined {
    const text = path as Text;
    const isSentence =
      (text.isStringLiteral() && text.node.value.includes(' ')) ||
      (text.isTemplateLiteral() && text.node.quasis.some(({ value }) => value.raw.includes(' ')));
    return isSentence ? 'a sentence' : undefined;
  },
};
