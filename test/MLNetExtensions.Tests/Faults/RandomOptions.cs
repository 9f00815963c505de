using FsCheck.Fluent;
using Microsoft.ML;

namespace MLNetExtensions.Tests.Faults;

/// <summary>Options inside and outside of their ranges: the estimator trains and has finite scores, or refuses and names the option.</summary>
internal sealed class RandomOptions : Fault
{
    private const int Most = 3;

    internal override string Name => "options";

    protected override IEnumerable<ConformanceEntry> Entries => base.Entries.Where(entry => entry.CreateWithOptions is not null);

    protected override void Try(Case made)
    {
        var changes =
            from count in Gen.Choose(1, Most)
            from list in (from option in Gen.Choose(0, 999) from value in Gen.Choose(0, 999) select new OptionChange(option, value)).ArrayOf(count)
            select list;
        Properties.Check(made.Random, changes, list => made.What = Run(made.Entry, list));
    }

    private static string Run(ConformanceEntry entry, OptionChange[] changes)
    {
        var options = entry.AnyOptions!();
        var changed = changes.Select(change => change.Apply(options)).OfType<(string Name, string Value)>().ToArray();
        var what = string.Join(", ", changed.Select(change => $"{change.Name} = {change.Value}"));
        try
        {
            var data = entry.Data(entry.Rows);
            // What is missing may be another option: the bound beside the one that is named, say.
            string[] names = [.. changed.Select(change => change.Value.Trim('"')).Where(value => value.Length > 2), .. OptionChange.Names(options), .. data.Schema.Select(column => column.Name)];
            ITransformer model;
            Snapshot scores;
            try
            {
                model = entry.CreateWithOptions!(new MLContext(1), options).Fit(data);
            }
            catch (Exception e)
            {
                Refusal.AssertProper(e, names);
                return what;
            }
            using var disposable = model as IDisposable;
            try
            {
                scores = Snapshot.Of(model.Transform(data));
            }
            catch (Exception e)
            {
                Refusal.AssertProper(e, names);
                return what;
            }
            Refusal.AssertFinite(entry, scores, data.Schema.Count, nanAllowed: true);
            return what;
        }
        catch (Exception e)
        {
            throw new AssertFailedException($"{what}: {e}", e);
        }
    }
}
