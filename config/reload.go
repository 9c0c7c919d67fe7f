package config

// credentialFiles remembers which of the vendor's credentials came from files.
type credentialFiles []credentialFile

type credentialFile struct {
	setting Setting
	path    string
}

func (f *credentialFiles) note(s Setting, got found) {
	if s.Group == GroupConomy && s.Secret && got.source == SourceFile {
		*f = append(*f, credentialFile{s, got.path})
	}
}

// ReloadCredentials returns the vendor's credentials with those that came from
// files read again, for a secret that was changed while the worker runs. What
// came from the environment stays. c itself is not changed, so it may be
// called at any time. The error is a *[FaultsError]; the credentials in use are
// then better kept.
func (c *Config) ReloadCredentials() (Credentials, error) {
	fresh := &Config{Conomy: Conomy{Credentials: c.Conomy.Credentials}}
	var faults []Fault
	for _, f := range c.files {
		raw, err := readValue(f.path)
		if err == nil {
			raw, err = clean(f.setting, raw)
		}
		if err == nil {
			err = f.setting.parse(fresh, raw)
		}
		if err != nil {
			faults = append(faults, Fault{Name: f.setting.File(), Text: err.Error()})
		}
	}
	if len(faults) > 0 {
		return Credentials{}, &FaultsError{Faults: faults}
	}
	return fresh.Conomy.Credentials, nil
}
