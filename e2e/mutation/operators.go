// SPDX-License-Identifier: Apache-2.0

package main

import (
	"go/ast"
	"go/token"
)

// swapped are the operators that take each other's place.
var swapped = map[token.Token]token.Token{
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.EQL: token.NEQ, token.NEQ: token.EQL,
	token.LAND: token.LOR, token.LOR: token.LAND,
	token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.QUO, token.QUO: token.MUL, token.REM: token.MUL,
	token.SHL: token.SHR, token.SHR: token.SHL, token.AND: token.OR, token.OR: token.AND, token.XOR: token.AND,
	token.ADD_ASSIGN: token.SUB_ASSIGN, token.SUB_ASSIGN: token.ADD_ASSIGN, token.XOR_ASSIGN: token.OR_ASSIGN,
	token.INC: token.DEC, token.DEC: token.INC,
}

// visit adds the mutants of one node, without those of the nodes below it.
func (f *finder) visit(node ast.Node) {
	if f.beside[node] {
		return
	}
	switch node := node.(type) {
	case *ast.BinaryExpr:
		f.swap(node.OpPos, node.Op)
	case *ast.UnaryExpr:
		if node.Op == token.NOT || node.Op == token.SUB {
			f.replace(node.Pos(), node.X.Pos(), "operator", "")
		}
	case *ast.BasicLit:
		f.literal(node)
	case *ast.Ident:
		switch node.Name {
		case "true":
			f.replace(node.Pos(), node.End(), "constant", "false")
		case "false":
			f.replace(node.Pos(), node.End(), "constant", "true")
		}
	case *ast.IfStmt:
		f.condition(node.Cond, true)
	case *ast.ForStmt:
		f.condition(node.Cond, false)
	case *ast.SwitchStmt:
		f.cases(node)
	case *ast.ReturnStmt:
		f.results(node)
	default:
		f.statement(node)
	}
}

// swap adds the operator's counterpart.
func (f *finder) swap(at token.Pos, operator token.Token) {
	if other, ok := swapped[operator]; ok {
		f.replace(at, at+token.Pos(len(operator.String())), "operator", other.String())
	}
}

// condition makes a condition false whatever it is, and true: but not that of a loop,
// which would never end. The original stays in it, so that its variables are used.
func (f *finder) condition(condition ast.Expr, toTrue bool) {
	if condition == nil {
		return
	}
	text := "(" + f.text(condition) + ")"
	f.replace(condition.Pos(), condition.End(), "condition", text+" && false")
	if toTrue {
		f.replace(condition.Pos(), condition.End(), "condition", text+" || true")
	}
}

// cases does the same for the cases of a switch without a tag; of one with a tag, it
// empties each.
func (f *finder) cases(statement *ast.SwitchStmt) {
	for _, clause := range statement.Body.List {
		clause := clause.(*ast.CaseClause)
		if statement.Tag == nil {
			for _, condition := range clause.List {
				f.condition(condition, true)
			}
		} else if len(clause.Body) > 0 {
			last := clause.Body[len(clause.Body)-1]
			f.replace(clause.Body[0].Pos(), last.End(), "case", "")
		}
	}
}

// results has an error that is returned be nil. Constants beside one stay: nothing looks
// at them.
func (f *finder) results(statement *ast.ReturnStmt) {
	if len(statement.Results) == 0 {
		return
	}
	last := statement.Results[len(statement.Results)-1]
	if !f.isError(last) {
		return
	}
	f.replace(last.Pos(), last.End(), "result", "nil")
	for _, beside := range statement.Results[:len(statement.Results)-1] {
		f.beside[beside] = true
	}
}

// isError reports whether an expression is an error, by its name.
func (f *finder) isError(expression ast.Expr) bool {
	switch expression := expression.(type) {
	case *ast.Ident:
		name := expression.Name
		return name == "err" || len(name) > 3 && (name[:3] == "Err" || name[:3] == "err")
	case *ast.CallExpr:
		return f.text(expression.Fun) == "fmt.Errorf"
	}
	return false
}

// statement takes a statement out. One that others need does not compile, and is not
// counted.
func (f *finder) statement(node ast.Node) {
	switch node := node.(type) {
	case *ast.AssignStmt:
		if node.Tok == token.DEFINE {
			return
		}
		f.swap(node.TokPos, node.Tok)
	case *ast.IncDecStmt:
		f.swap(node.TokPos, node.Tok)
	case *ast.ExprStmt, *ast.DeferStmt, *ast.BranchStmt, *ast.SendStmt, *ast.GoStmt:
	default:
		return
	}
	f.replace(node.Pos(), node.End(), "statement", "")
}
