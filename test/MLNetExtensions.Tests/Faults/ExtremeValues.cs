using System.Globalization;

namespace MLNetExtensions.Tests.Faults;

/// <summary>Extreme values among those to score: each score is finite or NaN, and no row by itself changes another's.</summary>
internal sealed class ExtremeValues : Fault
{
    private const int Rows = 60;

    private static readonly ViewChangeKind[] s_kinds = [.. Enum.GetValues<ViewChangeKind>().Where(kind => kind <= ViewChangeKind.Missing)];

    internal override string Name => "extremes";

    protected override void Try(Case made)
    {
        var original = FaultModel.Of(made.Entry);
        var source = made.Entry.Data(Rows);
        var inputs = source.Schema.Where(column => made.Entry.Inputs.Contains(column.Name)).ToArray();
        var change = new ViewChange(inputs[made.Random.Next(inputs.Length)].Index, s_kinds[made.Random.Next(s_kinds.Length)], made.Random.Next(1, Rows));
        made.What = string.Create(CultureInfo.InvariantCulture, $"{change} of {Rows}");
        var data = ChangedView.Of(source, Rows, [change]);
        Snapshot scores;
        try
        {
            scores = Snapshot.Of(original.Model.Transform(data));
        }
        catch (Exception e)
        {
            Refusal.AssertProper(e, made.Entry.Inputs);
            return;
        }
        Assert.HasCount(Rows, scores.Rows);
        Refusal.AssertFinite(made.Entry, scores, data.Schema.Count, nanAllowed: true);
        if (!made.Entry.IsRowScorer)
        {
            return;
        }
        // Alone, each row has the score that it has among the others.
        var plain = Snapshot.Of(original.Model.Transform(source));
        for (var row = 0; row < Rows; row++)
        {
            if ((row + 1) % change.Every != 0)
            {
                for (var i = data.Schema.Count; i < scores.Rows[row].Values.Length; i++)
                {
                    Snapshot.AssertSame(plain.Rows[row].Values[i]!, scores.Rows[row].Values[i]!, 1e-5, $"Row {row}, output {i - data.Schema.Count}");
                }
            }
        }
    }
}
