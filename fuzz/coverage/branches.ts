import ts from 'typescript';

/** A way that a program can go at a place where it can go another. */
export interface Branch {
  /** From the start of the file. */
  readonly position: number;
  readonly what: string;
  /** Ran as often as the code at `start`, less what the code at each of `except` did. */
  readonly start: number;
  readonly except: readonly number[];
}

/**
 * The branches of a source text: both ways of `if` and `?:`, the right-hand side of `&&`, `||` and `??` and the way without it, each
 * clause of a `switch`. As Istanbul counts them, but for defaults of parameters. Two kinds that nothing can take are left out: what stands for
 * an element of a list or of bytes that the compiler can't know to be there (`bytes[i] ?? 0`), and errors that are thrown on
 * because nobody expects them. `leftOut`: functions that aren't looked into.
 */
export function branchesOf(source: string, leftOut: readonly string[] = []): Branch[] {
  const file = ts.createSourceFile('source.ts', source, ts.ScriptTarget.Latest, true);
  const branches: Branch[] = [];
  const add = (node: ts.Node, what: string, start: ts.Node, except: readonly ts.Node[] = []): void => {
    branches.push({
      position: node.getStart(),
      what,
      start: start.getStart(),
      except: except.map((each) => each.getStart()),
    });
  };
  const visit = (node: ts.Node): void => {
    if (isNamed(node, leftOut)) return;
    if (ts.isIfStatement(node)) {
      if (!isThrownOn(node.thenStatement)) add(node, 'if', node.thenStatement);
      const next = statementAfter(node);
      if (node.elseStatement === undefined && (next === undefined || !isThrownOn(next)))
        add(node, 'if not', node.expression, [node.thenStatement]);
      if (node.elseStatement !== undefined) add(node, 'else', node.elseStatement);
    } else if (ts.isConditionalExpression(node)) {
      add(node, '?', node.whenTrue);
      add(node, ':', node.whenFalse);
    } else if (ts.isBinaryExpression(node) && isShortCut(node.operatorToken.kind) && !isForTheCompiler(node)) {
      add(node.right, node.operatorToken.getText(), node.right);
      add(node.right, `not ${node.operatorToken.getText()}`, firstOf(node), [node.right]);
    } else if (ts.isCaseOrDefaultClause(node) && node.statements[0] !== undefined) {
      add(node, ts.isCaseClause(node) ? `case ${node.expression.getText()}` : 'default', node.statements[0]);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return branches;
}

function isNamed(node: ts.Node, names: readonly string[]): boolean {
  if (ts.isConstructorDeclaration(node)) return names.includes('constructor');
  if (!ts.isFunctionDeclaration(node) && !ts.isMethodDeclaration(node)) return false;
  return node.name !== undefined && names.includes(node.name.getText());
}

function isThrownOn(statement: ts.Statement): boolean {
  return (
    ts.isThrowStatement(statement) && ts.isIdentifier(statement.expression) && statement.expression.text === 'error'
  );
}

function statementAfter(node: ts.Statement): ts.Statement | undefined {
  if (!ts.isBlock(node.parent)) return undefined;
  const { statements } = node.parent;
  return statements[statements.indexOf(node) + 1];
}

function isForTheCompiler(node: ts.BinaryExpression): boolean {
  return node.operatorToken.kind === ts.SyntaxKind.QuestionQuestionToken && ts.isElementAccessExpression(node.left);
}

/** V8 counts `a && b && c` as one with three parts: what the first of them did is how often the chain was begun. */
function firstOf(node: ts.BinaryExpression): ts.Node {
  return node.left;
}

function isShortCut(kind: ts.SyntaxKind): boolean {
  return (
    kind === ts.SyntaxKind.AmpersandAmpersandToken ||
    kind === ts.SyntaxKind.BarBarToken ||
    kind === ts.SyntaxKind.QuestionQuestionToken
  );
}
