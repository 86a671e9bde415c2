// Command argocd-lua judges objects as Argo CD does: with its interpreter, the few libraries it opens, and its one second.
// It reads {"script": …, "objects": […]} and writes one {"status", "message"} an object.
// Argo CD: util/lua/lua.go runLua, decodeValue and ExecuteHealthLua. It opens os as well, with time and date only; that is not here.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	lua "github.com/yuin/gopher-lua"
)

type task struct {
	Script  string `json:"script"`
	Objects []any  `json:"objects"`
}

type health struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

func main() {
	var t task
	if err := json.NewDecoder(os.Stdin).Decode(&t); err != nil {
		fail(err)
	}
	verdicts := []health{}
	for _, object := range t.Objects {
		verdict, err := judge(t.Script, object)
		if err != nil {
			fail(err)
		}
		verdicts = append(verdicts, verdict)
	}
	if err := json.NewEncoder(os.Stdout).Encode(verdicts); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func judge(script string, object any) (health, error) {
	l := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer l.Close()
	for name, open := range map[string]lua.LGFunction{lua.LoadLibName: lua.OpenPackage, lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable} {
		if err := l.CallByParam(lua.P{Fn: l.NewFunction(open), NRet: 0, Protect: true}, lua.LString(name)); err != nil {
			return health{}, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	l.SetContext(ctx)
	l.SetGlobal("obj", value(l, object))
	if err := l.DoString(script); err != nil {
		return health{}, err
	}
	answer, ok := l.Get(-1).(*lua.LTable)
	if !ok {
		return health{}, fmt.Errorf("expected a table, not %s", l.Get(-1).Type())
	}
	verdict := health{Status: lua.LVAsString(answer.RawGetString("status")), Message: lua.LVAsString(answer.RawGetString("message"))}
	switch verdict.Status {
	case "Unknown", "Progressing", "Suspended", "Healthy", "Degraded", "Missing":
		return verdict, nil
	}
	return health{}, fmt.Errorf("%q is no health status", verdict.Status)
}

func value(l *lua.LState, v any) lua.LValue {
	switch it := v.(type) {
	case bool:
		return lua.LBool(it)
	case float64:
		return lua.LNumber(it)
	case string:
		return lua.LString(it)
	case []any:
		list := l.CreateTable(len(it), 0)
		for _, item := range it {
			list.Append(value(l, item))
		}
		return list
	case map[string]any:
		table := l.CreateTable(0, len(it))
		for key, item := range it {
			table.RawSetString(key, value(l, item))
		}
		return table
	}
	return lua.LNil
}
