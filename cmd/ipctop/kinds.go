package main

import (
	"github.com/spf13/cobra"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/query"
	"github.com/ipctop/ipctop/render"
)

func (c command) newKinds() *cobra.Command {
	cmd := &cobra.Command{
		Use:               "kinds [KIND...]",
		Short:             "list the mechanisms ipctop shows",
		Long:              "List the mechanisms of inter-process communication that ipctop shows, or tell all about some of them.",
		Example:           "  ipctop kinds\n  ipctop kinds -o wide\n  ipctop kinds pipe unix",
		ValidArgsFunction: completeKinds,
	}
	format := addFormat(cmd, "table", "wide", "json")
	cmd.RunE = func(_ *cobra.Command, names []string) error {
		kinds, err := lookupKinds(names)
		switch {
		case err != nil:
			return err
		case format.value == "json":
			return render.KindsJSON(c.stdout, kinds)
		case len(names) > 0:
			return render.KindDetails(c.stdout, kinds)
		}
		return render.Kinds(c.stdout, kinds, format.value == "wide")
	}
	return cmd
}

// lookupKinds finds the kinds called names; all of them if there is no name.
func lookupKinds(names []string) ([]model.KindInfo, error) {
	if len(names) == 0 {
		return model.Kinds(), nil
	}
	var list []model.KindInfo
	for _, name := range names {
		k, ok := model.LookupKind(model.Kind(name))
		if !ok {
			return nil, &exitError{exitNotFound, &query.NotFoundError{
				Ref: name, Reason: "there is no kind " + query.Quote(name) + " (see ipctop kinds)", Near: query.Nearest(name, kindNames()),
			}}
		}
		list = append(list, k)
	}
	return list, nil
}

func kindNames() []string {
	var names []string
	for _, k := range model.Kinds() {
		names = append(names, string(k.Name))
	}
	return names
}
