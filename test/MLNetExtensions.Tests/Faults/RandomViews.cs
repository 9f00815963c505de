using FsCheck.Fluent;
using Microsoft.ML;

namespace MLNetExtensions.Tests.Faults;

/// <summary>Small views of all sorts to fit to: the estimator trains and has finite scores, or NaN, or refuses and names the column.</summary>
internal sealed class RandomViews : Fault
{
    private const int Most = 3;

    private static readonly int[] s_rows = [0, 1, 2, 3, 5, 10, 25, 60, 150, 200];
    private static readonly int[] s_every = [1, 1, 2, 3, 10, 40];

    internal override string Name => "views";

    protected override void Try(Case made)
    {
        var views =
            from rows in Gen.Elements(s_rows)
            from count in Gen.Choose(0, Most)
            from changes in (
                from column in Gen.Choose(0, 99)
                from kind in Gen.Elements(Enum.GetValues<ViewChangeKind>())
                from every in Gen.Elements(s_every)
                select new ViewChange(column, kind, every)).ArrayOf(count)
            select (rows, changes);
        Properties.Check(made.Random, views, view => made.What = Run(made.Entry, view.Rows, view.Changes));
    }

    private static string Run(ConformanceEntry entry, int rows, ViewChange[] changes)
    {
        var what = $"{rows} rows{string.Concat(changes.Select(change => $", {change}"))}";
        try
        {
            var source = entry.Data(entry.Rows);
            var data = ChangedView.Of(source, rows, changes);
            // An option may be what does not suit the data: a rank for each mode, say.
            string[] names = [.. source.Schema.Select(column => column.Name), .. entry.AnyOptions is { } options ? OptionChange.Names(options()) : []];
            ITransformer model;
            try
            {
                model = entry.Create(new MLContext(1)).Fit(data);
            }
            catch (Exception e)
            {
                Refusal.AssertProper(e, names);
                return what;
            }
            using var disposable = model as IDisposable;
            foreach (var view in new[] { data, entry.Data(30) })
            {
                Snapshot scores;
                try
                {
                    scores = Snapshot.Of(model.Transform(view));
                }
                catch (Exception e)
                {
                    Refusal.AssertProper(e, names);
                    continue;
                }
                Refusal.AssertFinite(entry, scores, view.Schema.Count, nanAllowed: true);
            }
            return what;
        }
        catch (Exception e)
        {
            throw new AssertFailedException($"{what}: {e}", e);
        }
    }
}
