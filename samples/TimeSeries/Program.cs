using System.CommandLine;
using System.Globalization;
using TimeSeries;

// The same numbers look the same everywhere.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

// Each part of the sample is a command of its own; without one all run.
Command[] parts = [Imputation.Command(), Classification.Command()];
var root = new RootCommand("TimesNet on time series: fills gaps, tells series apart.");
foreach (var part in parts)
{
    root.Add(part);
}
root.SetAction(_ => parts.Select(part => part.Parse([]).Invoke()).FirstOrDefault(code => code != 0));
return root.Parse(args).Invoke();
